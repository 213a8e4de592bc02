"""What a server and the demo keep: jobs, tickets, adapters on a shelf."""
