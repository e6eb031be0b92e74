"""Whether this process may have as many connections open at one time as it was asked to."""

# Some more for connections that are closing, and for the run's own files.
SPARE = 1.2


def fault_of(in_flight: int) -> str | None:
    """Why so many calls at one time cannot be, in words that follow a name, or None."""
    try:
        import resource
    except ImportError:  # where there are no such limits
        return None
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = int(in_flight * SPARE)
    if most == resource.RLIM_INFINITY or needed <= most:
        return None
    possible = hard == resource.RLIM_INFINITY or needed <= hard
    fix = f"run `ulimit -n {needed}` first" if possible else "ask for less"
    return f"max_in_flight = {in_flight} needs {needed} open files, and {most} are allowed; {fix}"
