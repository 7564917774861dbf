"""x"""
def import_runs() -> int:
    """x"""
    return 0
