{#- What each legacy table holds, in the platform's terms. -#}
{% macro counterparty_columns() %}{{ return([
  {'name': 'counterparty_id', 'from': 'id', 'type': 'text', 'required': true},
  {'name': 'name', 'type': 'text', 'required': true},
  {'name': 'country', 'type': 'text'},
  {'name': 'email', 'type': 'text'},
  {'name': 'phone', 'type': 'text'},
  {'name': 'credit_limit', 'type': 'number', 'below': '1e18'},
  {'name': 'currency', 'type': 'text', 'required': true, 'code': true},
  {'name': 'updated_at', 'type': 'timestamp'},
]) }}{% endmacro %}

{% macro trade_columns() %}{{ return([
  {'name': 'trade_id', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'side', 'type': 'text', 'required': true, 'one_of': ['buy', 'sell']},
  {'name': 'market', 'type': 'text', 'required': true},
  {'name': 'product', 'type': 'text'},
  {'name': 'delivery_start', 'type': 'timestamp', 'likely': true, 'required': true},
  {'name': 'delivery_end', 'type': 'timestamp', 'likely': true, 'required': true, 'after': 'delivery_start'},
  {'name': 'quantity_mwh', 'type': 'number', 'required': true, 'least': 0, 'below': '1e12'},
  {'name': 'price', 'type': 'number', 'required': true, 'below': '1e9'},
  {'name': 'currency', 'type': 'text', 'required': true, 'code': true},
  {'name': 'status', 'type': 'text', 'required': true, 'one_of': ['open', 'settled', 'cancelled']},
  {'name': 'traded_at', 'type': 'timestamp', 'likely': true, 'required': true},
  {'name': 'modified_at', 'type': 'timestamp'},
]) }}{% endmacro %}

{% macro invoice_columns() %}{{ return([
  {'name': 'invoice_no', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'month', 'type': 'date', 'likely': true, 'required': true},
  {'name': 'amount', 'type': 'number', 'required': true, 'below': '1e18'},
  {'name': 'currency', 'type': 'text', 'required': true, 'code': true},
  {'name': 'issued_on', 'type': 'date', 'likely': true, 'required': true},
  {'name': 'due_on', 'type': 'date', 'likely': true, 'required': true},
  {'name': 'paid_on', 'type': 'date'},
]) }}{% endmacro %}

{% macro volume_columns() %}{{ return([
  {'name': 'meter_id', 'type': 'text', 'required': true},
  {'name': 'counterparty_id', 'type': 'text', 'required': true},
  {'name': 'day', 'type': 'date', 'likely': true, 'required': true},
  {'name': 'mwh', 'type': 'number', 'required': true, 'below': '1e12'},
  {'name': 'updated_at', 'type': 'timestamp'},
]) }}{% endmacro %}
