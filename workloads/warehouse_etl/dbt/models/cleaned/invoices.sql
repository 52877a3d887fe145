{{ cleaned('staged_invoices', invoice_columns()) }}
