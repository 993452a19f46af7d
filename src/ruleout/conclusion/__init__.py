"""conclusion"""
