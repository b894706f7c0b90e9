"""Tells problems of the settings or surroundings, worth a line, from bugs, worth a traceback."""

import sys

# By name, so that asking imports nothing: an error can only come from a module that is loaded.
_PROBLEMS = (
    ("stream.settings", "SettingsError"),
    ("stream.producer", "BrokerUnreachable"),
    ("stream.producer", "DeliveryError"),
    ("stream.consumer", "TopicRecreated"),
    ("stream.embedded", "EmbeddedError"),
    ("stream.sources.lines", "FileError"),
    ("stream.sources.replay", "ReplayError"),
    ("stream.sources.scenario", "ScenarioError"),
    ("stream.alerts.channel", "AlertError"),
    ("stream.bench.intake", "BenchError"),
    ("models.catalogue", "CatalogueError"),
    ("models.artifact", "ArtifactError"),
    ("models.examples", "ExampleError"),
    ("models.fitting", "TrainingError"),
)


def one_line(error: BaseException) -> str | None:
    """Return what to tell a person of *error* in one line, or None when it is a bug."""
    for module, name in _PROBLEMS:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return " ".join(str(error).split())
    return None
