"""A member of a consumer group as a process: says on each line what it is assigned; ends at EOF."""

import select
import sys

from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor

ASSIGNORS = {"range": RangePartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor}


def main(kafka: str, topic: str, group: str, assignor: str) -> None:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=group,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[ASSIGNORS[assignor]],
    )
    said = None
    while not select.select([sys.stdin], [], [], 0)[0]:
        if consumer.poll(timeout_ms=200):
            consumer.commit()
        assigned = " ".join(sorted(str(place.partition) for place in consumer.assignment()))
        if assigned != said:
            print(assigned, flush=True)
            said = assigned
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
