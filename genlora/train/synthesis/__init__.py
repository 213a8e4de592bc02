"""Examples that a writer makes of a description: asked for, parsed, filtered, agreed on."""
