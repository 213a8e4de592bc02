"""What clients say and are told, as OpenAI's API has it: requests read, prompts made, answers written."""
