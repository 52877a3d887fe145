{#- Each day's trades. `mean_price` is weighted by quantity. -#}
select
  {{ local_date('day', 'traded_at', 'etrm.trades') }} as day,
  market,
  currency,
  count(*) as trades,
  count(distinct counterparty_id) as counterparties,
  sum(quantity_mwh) as mwh,
  sum(quantity_mwh * price) / nullif(sum(quantity_mwh), 0) as mean_price
from {{ ref('trades') }}
where status <> 'cancelled'
group by 1, 2, 3
