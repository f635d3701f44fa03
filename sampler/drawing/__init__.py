"""Define scales, ticks and colours for the screen and the page. Pure: no terminal and no browser is used."""
