"""Money: accounts, prices, vouchers, subscriptions, usage and invoices."""
