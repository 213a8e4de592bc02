"""Every method's file, imported once: each enters itself into its seam's table."""

# ruff: noqa: I001  the order is the one that lists show
from .inits import _common as _common
from .inits import _lora_ga as _lora_ga
from .inits import _lora_sb as _lora_sb
from .inits import _eva as _eva
from .inits import _peft as _peft
from .structures import _lora as _lora
from .structures import _xs as _xs
from .structures import _loldu as _loldu
from .structures import _block as _block
from .structures import _complement as _complement
from .structures import _mica as _mica
from .structures import _miss as _miss
from .structures import _bone as _bone
from .structures import _randlora as _randlora
from .rules import _adamw as _adamw
from .rules import _lora_plus as _lora_plus
from .rules import _lora_pro as _lora_pro
from .rules import _lisa as _lisa
from .rules import _allora as _allora
from .rules import _glad as _glad
from .rules import _lora_fa as _lora_fa
from .rules import _riemannian as _riemannian
from .allocation import _uniform as _uniform
from .allocation import _eva_ranks as _eva_ranks
from .allocation import _flexora as _flexora
from .allocation import _diffora as _diffora
from .allocation import _contribution as _contribution
