{#- What each counterparty owes, of what it was invoiced, and how much of its limit that is; overdue as of today. -#}
{{ config(materialized='view') }}
select
  c.counterparty_id,
  c.name,
  c.country,
  i.currency,
  count(i.invoice_no) as invoices,
  coalesce(sum(i.amount), 0) as invoiced,
  coalesce(sum(i.amount) filter (where i.paid_on is null), 0) as unpaid,
  coalesce(sum(i.amount) filter (where i.paid_on is null and i.due_on < current_date), 0) as overdue,
  c.credit_limit,
  case when i.currency = c.currency and c.credit_limit > 0
    then coalesce(sum(i.amount) filter (where i.paid_on is null), 0) / c.credit_limit end as used_limit
from {{ ref('counterparties') }} c
left join {{ ref('invoices') }} i using (counterparty_id)
group by c.counterparty_id, c.name, c.country, i.currency, c.credit_limit, c.currency
