"""An evaluation as text for people."""

from models.score import Evaluation


def table(result: Evaluation) -> str:
    """The evaluation as text: a line for each tagger, each language, each of the worst posts."""
    heads = (
        "",
        "precision",
        "recall",
        "F1",
        "95 %",
        "exact",
        "bystander",
        "symptom",
        "ECE",
        "posts/s",
    )
    rows = [heads, *(_row(name, of) for name, of in _taggers(result).items())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    report = result.report
    lines.append(
        f"{report.n_posts} posts, {report.n_reports} reports; in {_percent(result.unfound)} of the "
        "reports no failing service was found by name"
    )
    lines += _means(result)
    lines.append("  ".join(f"{role} F1 {f1:.2f}" for role, f1 in result.by_role.items()))
    lines += [
        f"{lang:4} {of['posts']:5.0f} posts {of['reports']:5.0f} reports  F1 {of['f1']:.2f}"
        for lang, of in result.by_language.items()
    ]
    lines += [f"{mistake.score:.2f}  {mistake.reason}  {mistake.id}" for mistake in result.worst]
    return "\n".join(line.rstrip() for line in lines)


def _taggers(result: Evaluation) -> dict[str, Evaluation]:
    """Every tagger by the name of its row: on the file, then on each source that none learnt."""
    rows = {"tagger": result, **result.baselines}
    for source, of in result.unseen.items():
        rows[source] = of
        rows |= {f"{source}: {name}": baseline for name, baseline in of.baselines.items()}
    return rows


def _means(result: Evaluation) -> list[str]:
    """The macro mean of F1 over the file and the unseen sources, of all posts and of named ones."""
    every = [result, *result.unseen.values()]
    if len(every) == 1:
        return []
    named = [of.named.f1 for of in every if of.named and of.named.n_reports]
    mean = sum(of.report.f1 for of in every) / len(every)
    text = f"macro mean of F1 over {len(every)} sources: {mean:.3f}; where the post names a service"
    return [f"{text}: " + ", ".join(f"{f1:.3f}" for f1 in named)]


def _row(name: str, result: Evaluation) -> tuple[str, ...]:
    report = result.report
    return (
        name,
        f"{report.precision:.3f}",
        f"{report.recall:.3f}",
        f"{report.f1:.3f}",
        f"{report.ci95[0]:.2f}-{report.ci95[1]:.2f}",
        _percent(result.affected_exact),
        _percent(result.bystander_blamed),
        _percent(result.symptom_accuracy),
        "-" if result.calibration_error is None else f"{result.calibration_error:.3f}",
        f"{result.posts_per_second:,.0f}",
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
