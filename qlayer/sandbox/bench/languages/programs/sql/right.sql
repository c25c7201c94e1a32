CREATE TABLE numbers(each INTEGER);
INSERT INTO numbers VALUES (3), (4), (5);
SELECT sum(each) FROM numbers;
