CREATE TABLE accounts (account text PRIMARY KEY, clock bigint NOT NULL, deficit bigint NOT NULL);
CREATE TABLE grants (number bigserial PRIMARY KEY, account text NOT NULL, id text NOT NULL, amount bigint NOT NULL,
    starts bigint NOT NULL, ends bigint NOT NULL, remaining bigint NOT NULL DEFAULT 0, UNIQUE (account, id));
CREATE TABLE usage (number bigserial PRIMARY KEY, account text NOT NULL, id text NOT NULL, amount bigint NOT NULL,
    "time" bigint NOT NULL, UNIQUE (account, id));
CREATE INDEX grants_by_start ON grants (account, starts);
CREATE INDEX grants_by_end ON grants (account, ends);
CREATE INDEX usage_by_time ON usage (account, "time", number) INCLUDE (amount);
CREATE UNLOGGED TABLE arrivals (line bigserial, kind text, account text, amount bigint, starts bigint, expiration bigint, id text);

-- What is left of an account at an instant. Active grants stand in arrays, soonest end first.
CREATE TYPE credit AS (numbers bigint[], ends bigint[], remaining bigint[], deficit bigint, last_end bigint);

CREATE FUNCTION lapse(c credit, at bigint) RETURNS credit LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    WHILE cardinality(c.ends) > 0 AND c.ends[1] < at LOOP
        c.numbers := c.numbers[2:]; c.ends := c.ends[2:]; c.remaining := c.remaining[2:];
    END LOOP;
    RETURN c;
END $$;

-- Goes on from an instant, which is passed already, to another.
CREATE FUNCTION replay(name text, c credit, after bigint, until bigint) RETURNS credit LANGUAGE plpgsql STABLE AS $$
DECLARE
    event record;
    amount bigint;
    place int;
BEGIN
    FOR event IN
        SELECT g.starts AS at, 0 AS kind, g.number, g.amount, g.ends FROM grants g
        WHERE g.account = name AND g.starts > after AND g.starts <= until
        UNION ALL
        SELECT u."time", 1, u.number, u.amount, 0 FROM usage u
        WHERE u.account = name AND u."time" > after AND u."time" <= until
        ORDER BY 1, 2, 3
    LOOP
        IF cardinality(c.ends) > 0 AND c.ends[1] < event.at THEN
            c := lapse(c, event.at);
        END IF;
        amount := event.amount;
        IF event.kind = 0 THEN
            amount := amount - least(amount, c.deficit);
            c.deficit := c.deficit - (event.amount - amount);
            place := 1;
            WHILE place <= cardinality(c.ends) AND c.ends[place] <= event.ends LOOP
                place := place + 1;
            END LOOP;
            c.numbers := c.numbers[:place - 1] || event.number || c.numbers[place:];
            c.ends := c.ends[:place - 1] || event.ends || c.ends[place:];
            c.remaining := c.remaining[:place - 1] || amount || c.remaining[place:];
            c.last_end := greatest(c.last_end, event.ends);
        ELSE
            WHILE cardinality(c.ends) > 0 AND c.remaining[1] <= amount LOOP
                amount := amount - c.remaining[1];
                c.numbers := c.numbers[2:]; c.ends := c.ends[2:]; c.remaining := c.remaining[2:];
            END LOOP;
            IF cardinality(c.ends) > 0 THEN
                c.remaining[1] := c.remaining[1] - amount;
            ELSE
                c.deficit := c.deficit + amount;
            END IF;
        END IF;
    END LOOP;
    RETURN lapse(c, until);
END $$;

CREATE FUNCTION nothing() RETURNS credit LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW('{}', '{}', '{}', 0, NULL)::credit
$$;

CREATE FUNCTION remaining(c credit) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(r), 0)::bigint FROM unnest(c.remaining) r
$$;

CREATE FUNCTION balance_at(name text, at bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    c credit := replay(name, nothing(), -1, at);
BEGIN
    RETURN CASE WHEN c.deficit = 0 AND c.last_end >= at THEN remaining(c) END;
END $$;

CREATE FUNCTION recompute(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    c credit;
BEGIN
    SELECT greatest((SELECT max(starts) FROM grants WHERE account = name),
        (SELECT max("time") FROM usage WHERE account = name)) INTO last;
    c := replay(name, nothing(), -1, last);
    UPDATE grants g SET remaining = coalesce((
        SELECT l.remaining FROM unnest(c.numbers, c.remaining) l(number, remaining) WHERE l.number = g.number), 0)
    WHERE g.account = name;
    INSERT INTO accounts VALUES (name, last, c.deficit)
        ON CONFLICT (account) DO UPDATE SET clock = excluded.clock, deficit = excluded.deficit;
END $$;

CREATE FUNCTION add_credit(name text, key text, units bigint, first bigint, last bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grants (account, id, amount, starts, ends) VALUES (name, key, units, first, last);
    PERFORM recompute(name);
END $$;

-- In time order it draws from the column; late it replays the account.
CREATE FUNCTION post_usage(name text, key text, units bigint, at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    here accounts;
    active record;
    due bigint := units;
BEGIN
    SELECT * FROM accounts WHERE account = name FOR UPDATE INTO here;
    INSERT INTO usage (account, id, amount, "time") VALUES (name, key, units, at);
    IF here.clock IS NULL OR at < here.clock THEN
        PERFORM recompute(name);
        RETURN;
    END IF;
    FOR active IN
        SELECT number, remaining FROM grants
        WHERE account = name AND starts <= at AND ends >= at AND remaining > 0 ORDER BY ends, number
    LOOP
        UPDATE grants SET remaining = remaining - least(remaining, due) WHERE number = active.number;
        due := due - least(active.remaining, due);
        EXIT WHEN due = 0;
    END LOOP;
    UPDATE accounts SET clock = at, deficit = deficit + due WHERE account = name;
END $$;

CREATE FUNCTION correct_usage(name text, key text, units bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE usage SET amount = units WHERE account = name AND id = key;
    PERFORM recompute(name);
END $$;

CREATE FUNCTION balance_now(name text, at bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) > 0 AND (SELECT deficit FROM accounts WHERE account = name) = 0
        THEN coalesce(sum(remaining), 0)::bigint END
    FROM grants WHERE account = name AND starts <= at AND ends >= at
$$;

CREATE FUNCTION take_arrivals() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grants (account, id, amount, starts, ends)
        SELECT account, id, amount, starts, starts + expiration FROM arrivals WHERE kind = 'grant' ORDER BY line;
    INSERT INTO usage (account, id, amount, "time")
        SELECT account, id, amount, starts FROM arrivals WHERE kind = 'usage' ORDER BY line;
    ANALYZE grants;
    ANALYZE usage;
    PERFORM recompute(account) FROM (SELECT DISTINCT account FROM arrivals) a;
    TRUNCATE arrivals;
END $$;

CREATE FUNCTION statements(first bigint, last bigint) RETURNS TABLE (account text, remaining_before bigint, granted bigint,
    drawn bigint, lapsed bigint, remaining bigint, deficit_before bigint, used bigint, deficit bigint) LANGUAGE plpgsql STABLE AS $$
DECLARE
    before credit;
    later credit;
BEGIN
    FOR account IN SELECT a.account FROM accounts a LOOP
        before := replay(account, nothing(), -1, first - 1);
        later := replay(account, before, first - 1, last);
        remaining_before := remaining(before);
        deficit_before := before.deficit;
        remaining := remaining(later);
        deficit := later.deficit;
        SELECT coalesce(sum(g.amount), 0) FROM grants g
            WHERE g.account = statements.account AND g.starts BETWEEN first AND last INTO granted;
        SELECT coalesce(sum(u.amount), 0) FROM usage u
            WHERE u.account = statements.account AND u."time" BETWEEN first AND last INTO used;
        drawn := deficit_before + used - deficit;
        lapsed := remaining_before + granted - drawn - remaining;
        RETURN NEXT;
    END LOOP;
END $$;
