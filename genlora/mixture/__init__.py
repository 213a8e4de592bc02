"""Several experts at once, chosen token by token: MixLoRA with its routers, and Arrow without any."""

from ._arrow import Arrow as Arrow
from ._build import build_mixture as build_mixture
from ._build import check_init as check_init
from ._build import expert_examples as expert_examples
from ._build import trained as trained
from ._files import own_mixture as own_mixture
from ._files import read_mixture as read_mixture
from ._files import write_mixture as write_mixture
from ._mixture import Mixture as Mixture
from ._modules import MixLora as MixLora
from ._modules import of_mixture as of_mixture
from ._modules import to_mixlora as to_mixlora
from ._pool import MixturePool as MixturePool
from ._routing import Router as Router
from ._routing import balance_loss as balance_loss
from ._train import MixtureTraining as MixtureTraining
