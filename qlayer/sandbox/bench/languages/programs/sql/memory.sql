CREATE TABLE hoard(block BLOB);
WITH RECURSIVE counted(each) AS (SELECT 1 UNION ALL SELECT each + 1 FROM counted)
INSERT INTO hoard SELECT zeroblob(1000000) FROM counted;
