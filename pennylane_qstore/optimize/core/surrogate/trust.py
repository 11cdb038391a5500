"""How far a model is trusted, by how much of what it promised came true."""

# Fractions of the predicted improvement that are too little, and as good as all.
_POOR, _GOOD = 0.25, 0.7
_SHRINK, _WIDEN = 0.5, 1.6
_NARROWEST = 0.02


def followed(
    radius: float, *, gain: float, real: float, noise: float = 0.0, widest: float
) -> float:
    """The next radius.

    Args:
        radius: The one of the last step.
        gain: By how much the loss should have fallen; 0 or less says nothing.
        real: By how much it fell.
        noise: What ``real`` may lack without blame.
        widest: Largest radius.
    """
    if gain <= 0:
        return radius
    if real + noise < _POOR * gain:
        return max(_SHRINK * radius, _NARROWEST)
    if real > _GOOD * gain:
        return min(_WIDEN * radius, widest)
    return radius


def doubted(caution: float, *, gain: float, real: float, noise: float = 0.0, least: float) -> float:
    """The next caution with steps that leave the box.

    Args:
        caution: The one of the last step, which was such a step.
        gain: By how much the loss should have fallen; 0 or less says nothing.
        real: By how much it fell.
        noise: What ``real`` may lack without blame.
        least: Smallest caution.
    """
    if gain > 0 and real + noise < _POOR * gain:
        return 2 * max(caution, least)
    if gain > 0 and real > _GOOD * gain:
        return max(caution / 2, least)
    return max(caution, least)
