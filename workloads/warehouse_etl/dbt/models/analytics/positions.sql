{#- What was bought and sold of each delivery month; cancelled trades do not count. A delivery that reaches over a month's end counts where it begins. -#}
select
  t.counterparty_id,
  t.market,
  t.currency,
  {{ local_date('month', 't.delivery_start', 'etrm.trades') }} as delivery_month,
  count(*) as trades,
  sum(case when t.side = 'buy' then t.quantity_mwh else 0 end) as bought_mwh,
  sum(case when t.side = 'sell' then t.quantity_mwh else 0 end) as sold_mwh,
  sum(case when t.side = 'buy' then t.quantity_mwh else -t.quantity_mwh end) as net_mwh,
  sum(case when t.side = 'buy' then -t.quantity_mwh * t.price else t.quantity_mwh * t.price end) as cash
from {{ ref('trades') }} t
where t.status <> 'cancelled'
group by 1, 2, 3, 4
