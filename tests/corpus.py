"""A tiny corpus for tests: short texts that share concepts with one another."""

from pathlib import Path

TEXTS = {
    "energy.md": "# Energy\n\nKinetic energy is half the mass times the square of the speed. Potential energy near the "
    "ground is weight times height. Without friction, their sum stays constant: conservation of energy lets us find "
    "the speed of a falling ball from its height, without solving any equation of motion.",
    "motion.md": "# Motion\n\nUnder constant acceleration the speed grows in proportion to time, and the distance grows "
    "with the square of time. The slope of the distance curve is the speed; the slope of the speed curve is the "
    "acceleration. A falling ball gains speed at a constant rate.",
    "rates.txt": "Rates of change\n\nThe derivative of a function measures its rate of change: the slope of the tangent "
    "line at a point. The derivative of a square is twice the argument. Speed is the derivative of distance, and "
    "acceleration is the derivative of speed.",
    "chance.txt": "Chance\n\nWhen all outcomes are equally likely, the probability of an event is the number of "
    "favourable outcomes divided by the number of all outcomes. The probability of two independent events together is "
    "the product of their probabilities. The complement of an event has probability one minus its own.",
    "mixtures.md": "# Mixtures\n\nThe concentration of a mixture is a ratio: amount of substance divided by volume. "
    "When two mixtures are poured together, amounts add and volumes add, so the new concentration is a weighted "
    "mean. A linear equation finds how much of each mixture is needed.",
    "lines.md": "# Lines\n\nA linear equation in two unknowns describes a straight line. Two lines meet in one point "
    "unless they are parallel. The slope of a line is a ratio of differences, and a constant slope means a constant "
    "rate of change.",
}


def write(folder: Path) -> Path:
    """Write the corpus into a folder; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder
