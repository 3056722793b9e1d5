-- The number of the last INSERT whose rows are there, told by the parts: as long as it is the same, no row was added,
-- whatever retention took.
SELECT max(max_block_number)
FROM system.parts
WHERE database = currentDatabase()
  AND table = 'decisions'
  AND active
