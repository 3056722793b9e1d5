-- Take a whole month at once.
ALTER TABLE decisions DROP PARTITION {month:UInt32}
