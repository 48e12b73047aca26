"""What a trader asked for reaches the bot, once, and is seen to work or told why not."""
