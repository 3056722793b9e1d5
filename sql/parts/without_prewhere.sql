-- A projection's few granules are read faster at once than condition by condition.
SETTINGS optimize_move_to_prewhere = 0
