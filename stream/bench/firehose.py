"""
A local Jetstream that sends invented posts at a steady rate: ``python -m stream.bench.firehose``.

Event times are the moment of sending. Cursors work for what was sent in the last minutes. Prints
its port at the start, and how much it has sent each second.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

AUTHORS = 200_000
KEPT = 200_000
STEP = 0.02  # seconds
# Mostly small talk, as on the real firehose; about one post in forty says that something fails.
TALK = (
    "good morning everyone, coffee first", "what a match last night", "new sketch, more tomorrow",
    "I can't believe it is November already", "the cat has decided that my keyboard is hers",
    "anyone read a good book lately?", "this train is late again", "so proud of my sister today",
    "reminder to drink some water", "that film was far too long but I loved it",
    "新しい絵を描きました", "今日はとても寒い", "bom dia a todos", "que dia lindo hoje",
    "heute wieder viel zu tun", "il pleut encore, quelle surprise", "hoy toca descansar un poco",
    "watching videos on YouTube all evening", "ordered it on Amazon last week",
)  # fmt: skip
TROUBLE = (
    "is {} down for anyone else?", "{} not loading at all right now", "{} outage again??",
    "can't log in to {}, anyone?", "{} está caído", "{} is down so I guess I'm touching grass",
)  # fmt: skip
NAMES = ("Slack", "Discord", "Reddit", "Spotify", "Netflix", "Roblox", "Snapchat", "Canva")
SHARE = 0.025
# Filled in by hand: at some thousand posts a second an encoder would take a good part of a core.
FRAME = (
    '{"did":"did:plc:invented%016d","time_us":%d,"kind":"commit","commit":{"rev":"3%d",'
    '"operation":"create","collection":"app.bsky.feed.post","rkey":"3k%d","record":'
    '{"$type":"app.bsky.feed.post","createdAt":"2026-07-04T12:00:00.000Z","langs":["en"],'
    '"text":"%s %d"},"cid":"bafyreiinventedinventedinventedinventedinventedinventedinv"}}'
)


class Firehose:
    """Makes posts and hands them to every connection."""

    def __init__(self, rate: float, seed: int = 7):
        self._rate = rate
        self._dice = random.Random(seed)
        self.n_made = 0
        self.log: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self.stopped = False

    def make(self, now: float) -> str:
        """Return the frame of the next post, of unix time *now*."""
        number, dice = self.n_made, self._dice
        self.n_made += 1
        time_us = max(int(now * 1e6), self.log[-1][0] + 1 if self.log else 0)
        text = dice.choice(TALK)
        if dice.random() < SHARE:
            text = dice.choice(TROUBLE).format(dice.choice(NAMES))
        frame = FRAME % (dice.randrange(AUTHORS), time_us, number, number, text, number)
        self.log.append((time_us, frame))
        return self.log[-1][1]

    async def serve(self, connection: ServerConnection) -> None:
        """Send from the cursor on, then live at the rate; 0 is as fast as it is taken."""
        assert connection.request is not None
        names = parse_qs(urlsplit(connection.request.path).query)
        cursor = int(names.get("cursor", ["0"])[0])
        try:
            for frame in [text for at, text in self.log if cursor and at >= cursor]:
                await connection.send(frame, text=True)
            await self._live(connection)
            await connection.wait_closed()
        except ConnectionClosed:
            return

    async def _live(self, connection: ServerConnection) -> None:
        due = time.monotonic()
        while not self.stopped:
            for _ in range(max(1, round(self._rate * STEP)) if self._rate else 100):
                await connection.send(self.make(time.time()), text=True)
            due = max(due + STEP, time.monotonic() - 5.0)
            # Without a rate this only lets others run.
            await asyncio.sleep(due - time.monotonic() if self._rate else 0)


async def main(rate: float, seconds: float) -> None:
    """Serve for *seconds* after the first connection, then fall silent until killed."""
    firehose = Firehose(rate)
    async with serve(firehose.serve, "127.0.0.1", 0, compression=None) as server:
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
        began: float | None = None
        while True:
            await asyncio.sleep(0.5)
            if firehose.n_made and began is None:
                began = time.monotonic()
            if began and time.monotonic() - began >= seconds:
                firehose.stopped = True
            said = {"n_made": firehose.n_made, "done": firehose.stopped}
            print(json.dumps(said), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
