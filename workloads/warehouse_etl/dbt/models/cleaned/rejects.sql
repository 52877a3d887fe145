{#- Rows as they came that could not be taken, and why: a later good state of a row takes it out. -#}
{{ config(
  unique_key=['source', 'table_name', 'key'],
  post_hook="delete from {{ this }} where reason is null",
) }}
{% for source, table in [('crm', 'counterparties'), ('etrm', 'trades'), ('billing', 'invoices'), ('metering', 'volumes')] %}
select '{{ source }}' as source, '{{ table }}' as table_name, key, reason, load_id, record
from {{ ref('staged_' ~ table) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
