"""A model behind an endpoint that writes examples of a description, and the page that shows them."""
