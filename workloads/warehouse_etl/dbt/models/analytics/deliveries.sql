{#- What was measured beside what was sold, by counterparty and month. -#}
with measured as (
  select counterparty_id, date_trunc('month', day)::date as month, sum(mwh) as measured_mwh
  from {{ ref('volumes') }}
  group by 1, 2
),
sold as (
  select counterparty_id, {{ local_date('month', 'delivery_start', 'etrm.trades') }} as month,
    sum(quantity_mwh) as sold_mwh
  from {{ ref('trades') }}
  where side = 'sell' and status <> 'cancelled'
  group by 1, 2
)
select counterparty_id, month, measured_mwh, sold_mwh,
  coalesce(measured_mwh, 0) - coalesce(sold_mwh, 0) as difference_mwh
from measured full join sold using (counterparty_id, month)
