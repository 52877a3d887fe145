{{ conform('crm', 'counterparties', counterparty_columns()) }}
