"""Use servers with OpenAI's API: requests in flight, their answers, retries, and scoring of given texts."""
