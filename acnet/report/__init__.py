"""Tables, figures, claims and the page, drawn from the small files that training and evaluation wrote."""
