"""What the screen and the page draw with: scales, ticks, colours. Pure; it knows neither a terminal nor a browser."""
