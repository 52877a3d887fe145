{{ conform('billing', 'invoices', invoice_columns()) }}
