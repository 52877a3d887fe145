{#- The newest state of each row of a source's table that the loads brought, its columns typed, and in `reason`
    why it cannot be taken as it is. A column is {name, type, and where needed: from, required, one_of}.
    `offset 0` keeps the planner from writing an expression out wherever it is used. -#}
{% macro conform(source, table, columns) %}
{#- A table that is not there yet takes in all that was ever loaded. -#}
{% set there = adapter.get_relation(database=target.database, schema='cleaned', identifier=table) if execute %}
{% set since = var('since') if there else 0 %}
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
    nullif(btrim(record ->> '{{ c.get('from', c.name) }}'), '') as {{ c.name }}
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
    {%- elif c.type == 'timestamp' %} etl.as_timestamp({{ c.name }})
    {%- elif c.get('one_of') %} lower({{ c.name }})
    {%- else %} {{ c.name }}
    {%- endif %} end as {{ c.name }}
{%- endfor %}
from judged
{% endmacro %}

{#- What of a staged table is as it should be; a row that is gone at its source is taken out by its key, in the
    same transaction. -#}
{% macro cleaned(staged, columns) %}
{{ config(unique_key='key', post_hook="delete from {{ this }} where is_deleted") }}
select key, {{ columns | map(attribute='name') | join(', ') }}, is_deleted, load_id
from {{ ref(staged) }}
where reason is null
{% endmacro %}
