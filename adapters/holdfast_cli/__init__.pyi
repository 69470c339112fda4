from .application import app as app
