-- Take a whole calendar quarter at once.
ALTER TABLE decisions DROP PARTITION {quarter:UInt32}
