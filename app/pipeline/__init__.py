"""The one place where rooms meet: settings become models, a ledger and a graph, and journals go through them."""
