{#- Rows that were taken, and yet somebody should look at: they name a counterparty that the CRM does not have, and
    so are in no exposure. One that comes later takes its rows out. -#}
{{ config(materialized='view') }}
{% for source, table in [('etrm', 'trades'), ('billing', 'invoices'), ('metering', 'volumes')] %}
select '{{ source }}' as source, '{{ table }}' as table_name, key,
  'counterparty_id: ' || left(counterparty_id, 40) || ' is not among counterparties' as reason, load_id
from {{ ref(table) }} t
where not exists (select from {{ ref('counterparties') }} c where c.counterparty_id = t.counterparty_id)
{% if not loop.last %}union all{% endif %}
{% endfor %}
