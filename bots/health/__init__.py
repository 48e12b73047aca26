"""The truth about bots: who is due, what they answer, what that means, and writing it down."""
