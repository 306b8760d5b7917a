"""A shop from nothing to a hundred lit lamps: certificates, broker, rights, enrolment.

authority -> site -> broker's rights, credentials -> bundles, or enrolment by code -> desks
"""
