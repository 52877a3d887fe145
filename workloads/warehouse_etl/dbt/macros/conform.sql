{#- The newest state of each row of a source's table that the loads brought, its columns typed, and in `reason`
    why it cannot be taken as it is. A column is {name, type, and where needed: from, required, one_of, code (of a
    currency), least, below (of its size: what is made of it has 28 digits), after (another one), likely (a time that can be
    one of a deal: a year of four figures by mistake makes months of marts that nobody means)}.
    `offset 0` keeps the planner from writing an expression out wherever it is used. How the source writes
    numbers and times is the variable `writings`. -#}
{% macro conform(source, table, columns) %}
{#- A table that is not there yet takes in all that was ever loaded; so does that of rejects. -#}
{% set there = execute
  and adapter.get_relation(database=target.database, schema='cleaned', identifier=table)
  and adapter.get_relation(database=target.database, schema='cleaned', identifier='rejects') %}
{% set since = var('since') if there else 0 %}
{% set written = var('writings').get(source ~ '.' ~ table, {}) %}
{% set zone = dbt.string_literal(written.get('time_zone', 'UTC')) %}
with newest as (
  select distinct on (r.key) r.key, r.operation, r.record, r.load_id, r.ordinal
  from raw.records r
  where r.source = '{{ source }}' and r.table_name = '{{ table }}'
    and r.load_id > {{ since }} and r.load_id <= {{ var('until') }}
  order by r.key, r.load_id desc, r.ordinal desc
),
texts as (
  select key, operation, record, load_id, ordinal
  {%- for c in columns %},
    {{ plainly("nullif(btrim(record ->> '" ~ c.get('from', c.name) ~ "'), '')", c.type, written) }} as {{ c.name }}
  {%- endfor %}
  from newest
  offset 0
),
judged as (
  select *, case when operation = 'upsert' then nullif(concat_ws('; '
  {%- for c in columns %}
    {%- if c.get('required') %},
      case when {{ c.name }} is null then '{{ c.name }} is missing' end
    {%- endif %}
    {%- if c.type != 'text' %},
      case when not etl.is_{{ c.type }}({{ c.name }}) then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is no {{ c.type }}' end
    {%- endif %}
    {%- if c.type == 'timestamp' %},
      case when etl.is_timestamp({{ c.name }}) then '{{ c.name }}: ' || {{ c.name }} || ' ' || etl.clock_fault({{ c.name }}, {{ zone }}) end
    {%- endif %}
    {%- if c.get('code') %},
      case when upper({{ c.name }}) !~ '^[A-Z]{3}$' then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is no code of three letters' end
    {%- endif %}
    {%- if c.get('below') %},
      case when etl.is_number({{ c.name }}) then case when abs({{ c.name }}::numeric) >= {{ c.below }}::numeric
        then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is beyond {{ c.below }}' end end
    {%- endif %}
    {%- if c.get('least') is not none %},
      case when etl.is_number({{ c.name }}) then case when {{ c.name }}::numeric < {{ c.least }}
        then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is below {{ c.least }}' end end
    {%- endif %}
    {%- if c.get('after') %},
      case when etl.is_timestamp({{ c.name }}) and etl.is_timestamp({{ c.after }}) then
        case when etl.as_timestamp({{ c.name }}, {{ zone }}) <= etl.as_timestamp({{ c.after }}, {{ zone }})
        then '{{ c.name }}: ' || {{ c.name }} || ' is not after {{ c.after }}' end end
    {%- endif %}
    {%- if c.get('likely') %},
      case when etl.is_{{ c.type }}({{ c.name }}) then case when left({{ c.name }}, 4) not between '1970' and '2099'
        then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is of no year from 1970 to 2099' end end
    {%- endif %}
    {%- if c.get('one_of') %},
      case when lower({{ c.name }}) not in ({% for v in c.one_of %}'{{ v }}'{{ ', ' if not loop.last }}{% endfor %})
        then '{{ c.name }}: ' || left({{ c.name }}, 40) || ' is none of {{ c.one_of | join(', ') }}' end
    {%- endif %}
  {%- endfor %}), '') end as reason
  from texts
  offset 0
)
select key, operation = 'delete' as is_deleted, load_id, ordinal, record, reason
{%- for c in columns %},
  case when reason is null then
    {%- if c.type == 'number' %} {{ c.name }}::numeric
    {%- elif c.type == 'date' %} left({{ c.name }}, 10)::date
    {%- elif c.type == 'timestamp' %} etl.as_timestamp({{ c.name }}, {{ zone }})
    {%- elif c.get('one_of') %} lower({{ c.name }})
    {%- elif c.get('code') %} upper({{ c.name }})
    {%- else %} {{ c.name }}
    {%- endif %} end as {{ c.name }}
{%- endfor %}
from judged
{% endmacro %}

{#- A text of a source as ISO 8601 and decimal points have it. -#}
{% macro plainly(value, type, written) -%}
  {%- if type == 'number' and written.get('decimal') == ',' -%} etl.of_comma({{ value }})
  {%- elif type in ('date', 'timestamp') and written.get('dates') == 'day-first' -%} etl.of_day_first({{ value }})
  {%- else -%} {{ value }}
  {%- endif -%}
{%- endmacro %}

{#- What of a staged table is as it should be; a row that is gone at its source is taken out by its key, in the
    same transaction. -#}
{% macro cleaned(staged, columns) %}
{{ config(unique_key='key', post_hook="delete from {{ this }} where is_deleted") }}
select key, {{ columns | map(attribute='name') | join(', ') }}, is_deleted, load_id
from {{ ref(staged) }}
where reason is null
{% endmacro %}

{#- The day or month on the clock of a table's source that an instant is in. -#}
{% macro local_date(unit, instant, table) -%}
  date_trunc('{{ unit }}', {{ instant }} at time zone {{ dbt.string_literal(var('writings').get(table, {}).get('time_zone', 'UTC')) }})::date
{%- endmacro %}
