"""One error family. Every message says where, what was found, what was expected and what to do next.

The CLI turns any `GenloraError` into one line on stderr and exit code 2; nothing else is expected to reach a user.
"""


class GenloraError(Exception):
    """Root of everything genlora raises on purpose."""

    exit_code = 2


class ConfigError(GenloraError, ValueError):
    """A setting is outside what the code accepts."""


class DescriptionError(GenloraError, ValueError):
    """A task description cannot be used: empty, too long, or not text."""


class UnsafeNameError(GenloraError, ValueError):
    """A name would be dangerous as a file or expert name."""


class UnsafeFormatError(GenloraError, ValueError):
    """A file could run code or is not of the safe format it claims."""


class ManifestError(GenloraError, ValueError):
    """A JSON document is malformed, too large, or not of the schema."""


class AdapterFormatError(GenloraError, ValueError):
    """An adapter's keys, config or values are not what a plain LoRA may hold."""


class AdapterShapeError(AdapterFormatError):
    """An adapter's tensors do not fit the base model it claims."""


class BaseError(GenloraError):
    """A base model cannot be found, read or understood."""


class BaseMismatchError(BaseError, ValueError):
    """Something was made for another base model."""


class DigestError(GenloraError, ValueError):
    """Bytes are not the bytes that were promised."""


class FetchError(GenloraError, OSError):
    """A model or data file could not be fetched."""


class BankError(GenloraError):
    """A bank cannot be opened, read or written."""


class BankDamagedError(BankError):
    """A bank's database, blob or manifest is damaged."""


class UnknownExpertError(BankError, KeyError):
    """No expert has that name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class StorageError(GenloraError, OSError):
    """The disk refused: full, read-only, or gone."""


class TaskError(GenloraError, ValueError):
    """A task source or example file cannot be read or used."""


class UnknownGeneratorError(ConfigError):
    """No generator has that name."""


class PictureError(GenloraError, ValueError):
    """A picture cannot be read, or shows no subject."""


class MergeError(GenloraError):
    """A merge into a (quantised) base was refused or did not verify."""


class PushError(GenloraError):
    """A server could not be reached, or would not take an adapter."""


class TeacherError(GenloraError):
    """A teacher could not be reached, or wrote nothing that can be used."""


class MissingExtraError(GenloraError, ImportError):
    """An optional dependency is needed; the message says how to install it."""


class TrainingError(GenloraError):
    """Training cannot start, resume or go on."""


class UnknownModelError(GenloraError, KeyError):
    """No model that is served has that name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class EngineError(GenloraError):
    """The serving engine is closed, or a request cannot be answered."""


class OverloadError(EngineError):
    """There is more to do than may wait; `retry_after` says in how many seconds to ask again."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CancelledError(GenloraError):
    """Work was given up because nobody wants its result any more."""


class UnknownJobError(GenloraError, KeyError):
    """No job of that number is known."""

    def __str__(self) -> str:
        return str(self.args[0])


class JobError(GenloraError):
    """A job that was given to other machines could not be done there."""


class QuotaError(GenloraError):
    """Somebody has as much of something as he may."""


class AccuracyError(GenloraError, ValueError):
    """An adapter is expected to be right less often than was asked for; nothing was written."""


class PolicyError(GenloraError, ValueError):
    """A description asks for a harmful adapter; `category` names the hazard."""

    def __init__(self, message: str, *, category: str = "") -> None:
        super().__init__(message)
        self.category = category
