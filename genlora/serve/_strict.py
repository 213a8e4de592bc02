"""The form of request bodies: strict about types, and closed."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """No conversion of types, and no fields beyond those that are named."""

    model_config = ConfigDict(extra="forbid", strict=True)
