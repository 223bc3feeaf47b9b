"""What clients get on paper: invoices, superbills, Good Faith Estimates; and the data of a CMS-1500."""
