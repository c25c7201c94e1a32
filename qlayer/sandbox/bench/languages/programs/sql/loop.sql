WITH RECURSIVE counted(each) AS (SELECT 1 UNION ALL SELECT each + 1 FROM counted)
SELECT count(*) FROM counted;
