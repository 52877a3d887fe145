{#- What each legacy table holds, in the platform's terms. Times without a zone are UTC: the connections ask for it. -#}
{% macro counterparty_columns() %}{{ return([
  {'name': 'counterparty_id', 'from': 'id', 'type': 'text', 'required': true},
  {'name': 'name', 'type': 'text', 'required': true},
  {'name': 'country', 'type': 'text'},
  {'name': 'email', 'type': 'text'},
  {'name': 'phone', 'type': 'text'},
  {'name': 'credit_limit', 'type': 'number'},
  {'name': 'currency', 'type': 'text', 'required': true},
  {'name': 'updated_at', 'type': 'timestamp'},
]) }}{% endmacro %}

{% macro trade_columns() %}{{ return([
  {'name': 'trade_id', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'side', 'type': 'text', 'required': true, 'one_of': ['buy', 'sell']},
  {'name': 'market', 'type': 'text', 'required': true},
  {'name': 'product', 'type': 'text'},
  {'name': 'delivery_start', 'type': 'timestamp', 'required': true},
  {'name': 'delivery_end', 'type': 'timestamp', 'required': true},
  {'name': 'quantity_mwh', 'type': 'number', 'required': true},
  {'name': 'price', 'type': 'number', 'required': true},
  {'name': 'currency', 'type': 'text', 'required': true},
  {'name': 'status', 'type': 'text', 'required': true, 'one_of': ['open', 'settled', 'cancelled']},
  {'name': 'traded_at', 'type': 'timestamp', 'required': true},
  {'name': 'modified_at', 'type': 'timestamp'},
]) }}{% endmacro %}

{% macro invoice_columns() %}{{ return([
  {'name': 'invoice_no', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'month', 'type': 'date', 'required': true},
  {'name': 'amount', 'type': 'number', 'required': true},
  {'name': 'currency', 'type': 'text', 'required': true},
  {'name': 'issued_on', 'type': 'date', 'required': true},
  {'name': 'due_on', 'type': 'date', 'required': true},
  {'name': 'paid_on', 'type': 'date'},
]) }}{% endmacro %}

{% macro volume_columns() %}{{ return([
  {'name': 'meter_id', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'day', 'type': 'date', 'required': true},
  {'name': 'mwh', 'type': 'number', 'required': true},
  {'name': 'updated_at', 'type': 'timestamp'},
]) }}{% endmacro %}
