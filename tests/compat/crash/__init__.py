"""Writers under load, kill -9, and the check that nothing acknowledged is lost."""
