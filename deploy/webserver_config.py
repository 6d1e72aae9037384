"""The login of several machines' Airflow (FabAuthManager): users and roles in Airflow's own database.

Airflow would write such a file itself, into a folder that is read-only here.
"""

from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
# Nobody is let in without a login, and nobody makes one for themselves.
AUTH_USER_REGISTRATION = False
WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = None
