create type mood as enum ('fine', 'it''s, "so" so', E'tab\there');
create domain short as text check (length(value) < 20);

-- Every kind of value, names that need quotes, an identity, a generated column and one that was dropped.
create table "Odd ""name"", 'it' (x)" (
  id bigint generated always as identity (start with 7 increment by 3) primary key,
  gone int,
  "a, b" text not null,
  "Select" varchar(40),
  padded char(6),
  small smallint, whole int, large bigint, exact numeric, f4 real, f8 double precision, flag boolean,
  at timestamptz, local timestamp, day date, clock time, clock_tz timetz, span interval,
  uid uuid, doc json, docb jsonb, raw bytea,
  texts text[], matrix int[][], ip inet, net cidr, mac macaddr, bits bit varying, words tsvector,
  numbers int4range, spot point, feeling mood, brief short,
  twice text generated always as ("a, b" || "a, b") stored
);
alter table "Odd ""name"", 'it' (x)" drop column gone;
create index odd_idx on "Odd ""name"", 'it' (x)" (lower("Select")) where flag;

-- Rows that refer to later ones, to themselves and in a circle.
create table hens (id int primary key, egg int, mother int, constraint hens_mother_fkey foreign key (mother) references hens);
create table eggs (id int primary key, hen int not null constraint eggs_hen_fkey references hens on delete cascade);
alter table hens add constraint hens_egg_fkey foreign key (egg) references eggs deferrable initially deferred;

-- What changes rows on their way in has done so already.
create table stamped (id serial primary key, note text);
create function stamp() returns trigger language plpgsql as $$ begin new.note := new.note || '!'; return new; end $$;
create trigger stamp before insert on stamped for each row execute function stamp();

create schema apart;
create table apart.hens (id int primary key);
create table nothing ();
create table empty (id int);
create sequence unused;
create sequence backwards increment by -5 maxvalue 100 start 100;
