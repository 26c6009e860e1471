-- Keys that an earlier version made to the tables of another installation in the schema public.
DO $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT child.relname AS child, parent.relname AS parent, c.conname AS name, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c
    JOIN pg_class child ON child.oid = c.conrelid
    JOIN pg_class parent ON parent.oid = c.confrelid
    WHERE c.contype = 'f'
      AND child.relnamespace = to_regnamespace(quote_ident(current_schema()))
      AND parent.relnamespace <> child.relnamespace
      AND to_regclass(format('%I.%I', current_schema(), parent.relname)) IS NOT NULL
  LOOP
    EXECUTE format(
      'ALTER TABLE %I.%I DROP CONSTRAINT %I, ADD CONSTRAINT %I %s',
      current_schema(), key.child, key.name, key.name,
      regexp_replace(key.definition, 'REFERENCES [^(]+\(', format('REFERENCES %I.%I(', current_schema(), key.parent))
    );
  END LOOP;
END $$;
