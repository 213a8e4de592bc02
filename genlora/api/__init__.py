"""The verbs users know: generate, run, compare, verify, evaluate; adapters by name for many callers; receipts.

What a name needs is imported when it is first asked for: `genlora run` trains nothing and searches no bank.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlora.base import base_source as base_source

    from ._adapter import GeneratedAdapter as GeneratedAdapter
    from ._adapter import attach as attach
    from ._bundle import UsePrompt as UsePrompt
    from ._bundle import read_prompt as read_prompt
    from ._genlora import DTYPES as DTYPES
    from ._genlora import Embedder as Embedder
    from ._genlora import GenLora as GenLora
    from ._grow import Grown as Grown
    from ._grow import grow_bank as grow_bank
    from ._grow import usable as usable
    from ._marks import read_refusals as read_refusals
    from ._own_data import evaluate_adapter as evaluate_adapter
    from ._own_data import own_data_files as own_data_files
    from ._own_files import check_folder as check_folder
    from ._own_files import hold_interrupts as hold_interrupts
    from ._places import calibration_of as calibration_of
    from ._places import default_bank as default_bank
    from ._places import embedder_lora as embedder_lora
    from ._places import store_calibration as store_calibration
    from ._places import task_embedder as task_embedder
    from ._receipt import base_of as base_of
    from ._receipt import read_receipt as read_receipt
    from ._receipt import small_receipt as small_receipt
    from ._refine import Refinement as Refinement
    from ._refine import read_labelled as read_labelled
    from ._refine import refine_generated as refine_generated
    from ._refusals import measure_refusals as measure_refusals
    from ._run import Answer as Answer
    from ._run import Runner as Runner
    from ._run import adapters_base as adapters_base
    from ._run import check_base as check_base
    from ._run import check_input as check_input
    from ._run import check_made_for as check_made_for
    from ._scene import best_dtype as best_dtype
    from ._scene import check_embedder as check_embedder
    from ._scene import exact_dtype as exact_dtype
    from ._scene import load_banks_base as load_banks_base
    from ._scene import load_banks_embedder as load_banks_embedder
    from ._scene import open_bank as open_bank
    from .bulk._many import ItemFailure as ItemFailure
    from .bulk._many import ItemKept as ItemKept
    from .bulk._many import ItemResult as ItemResult
    from .library._jobs import GenerateJob as GenerateJob
    from .library._library import Library as Library
    from .library._library import Model as Model
    from .library._requests import GenerateRequest as GenerateRequest
    from .library._shelf import PREFIX as PREFIX
    from .library._shelf import KeptAdapter as KeptAdapter
    from .library._shelf import Label as Label
    from .library._tickets import Ticket as Ticket
    from .measure._diagnose import Diagnosis as Diagnosis
    from .measure._diagnose import diagnose_bank as diagnose_bank
    from .measure._diagnose import store_diagnoses as store_diagnoses
    from .measure._evaluate import EvaluateOptions as EvaluateOptions
    from .measure._evaluate import evaluate as evaluate
    from .measure._fit_auto import fit_auto as fit_auto
    from .measure._verify import Verdict as Verdict
    from .measure._verify import verify as verify
    from .moving._bank import MovedBank as MovedBank
    from .moving._bank import transfer_bank as transfer_bank
    from .moving._discriminators import Discriminators as Discriminators
    from .moving._discriminators import train_discriminators as train_discriminators
    from .moving._move import Transferred as Transferred
    from .moving._options import TransferOptions as TransferOptions
    from .moving._transfer import DISCRIMINATORS as DISCRIMINATORS
    from .moving._transfer import transfer as transfer
    from .teacher._teacher import Taught as Taught
    from .teacher._teacher import Teacher as Teacher
    from .training._federate import FederatedAdapter as FederatedAdapter
    from .training._federate import Kept as Kept
    from .training._federate import federate as federate
    from .training._flower import flower_client as flower_client
    from .training._flower import flower_server as flower_server
    from .training._recipe import Recipe as Recipe
    from .training._recipe import RecipeOptions as RecipeOptions
    from .training._recipe import two_phase_adapter as two_phase_adapter
    from .training._sweep import Swept as Swept
    from .training._sweep import sweep as sweep
    from .training._sweep import sweep_so_far as sweep_so_far

_PLACES = {
    "genlora.base": "base_source",
    "._adapter": "GeneratedAdapter attach",
    "._bundle": "UsePrompt read_prompt",
    "._genlora": "DTYPES Embedder GenLora",
    "._grow": "Grown grow_bank usable",
    "._marks": "read_refusals",
    "._own_data": "evaluate_adapter own_data_files",
    "._own_files": "check_folder hold_interrupts",
    "._places": "calibration_of default_bank embedder_lora store_calibration task_embedder",
    "._receipt": "base_of read_receipt small_receipt",
    "._refine": "Refinement read_labelled refine_generated",
    "._refusals": "measure_refusals",
    "._run": "Answer Runner adapters_base check_base check_input check_made_for",
    "._scene": "best_dtype check_embedder exact_dtype load_banks_base load_banks_embedder open_bank",
    ".bulk._many": "ItemFailure ItemKept ItemResult",
    ".library._jobs": "GenerateJob",
    ".library._library": "Library Model",
    ".library._requests": "GenerateRequest",
    ".library._shelf": "PREFIX KeptAdapter Label",
    ".library._tickets": "Ticket",
    ".measure._diagnose": "Diagnosis diagnose_bank store_diagnoses",
    ".measure._evaluate": "EvaluateOptions evaluate",
    ".measure._fit_auto": "fit_auto",
    ".measure._verify": "Verdict verify",
    ".moving._bank": "MovedBank transfer_bank",
    ".moving._discriminators": "Discriminators train_discriminators",
    ".moving._move": "Transferred",
    ".moving._options": "TransferOptions",
    ".moving._transfer": "DISCRIMINATORS transfer",
    ".teacher._teacher": "Taught Teacher",
    ".training._federate": "FederatedAdapter Kept federate",
    ".training._recipe": "Recipe RecipeOptions two_phase_adapter",
    ".training._sweep": "Swept sweep sweep_so_far",
    ".training._flower": "flower_client flower_server",
}
"""{module: the names it gives}."""
_LAZY = {name: place for place, names in _PLACES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'genlora.api' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LAZY[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
